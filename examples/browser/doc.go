// Package browser tests the sandbox's operator page (运营台) in a real browser: an
// order is shipped by a click, and the program receive-callbacks hears of it. It is
// a module of its own, so that nobody who imports the SDK gets the browser driver.
//
// Chromium is needed (Debian: apt-get install chromium).
package browser
