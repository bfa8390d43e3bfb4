// Package browser tests the sandbox's operator page (运营台) in a real browser: a click ships
// an order, and the program receive-callbacks receives the push. It is a module of its own,
// so that importing the SDK does not pull in the browser driver.
//
// Chromium is needed (Debian: apt-get install chromium).
package browser
