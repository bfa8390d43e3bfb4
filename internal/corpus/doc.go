// Package corpus holds answers, pushes and Qimen messages as other programs show
// them, each with what must be read from it or how it must be refused. They are
// independent of the catalog, from which client and fake are made: a case is never
// edited to pass. Its tests run all of them through the public packages.
package corpus
