package jushuitantest

// SeedSamples creates the documents that the samples of the catalog name.
var SeedSamples = seedSamples
