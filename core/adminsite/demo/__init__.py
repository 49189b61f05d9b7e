"""The made-up agency of `make demo`. Every name, figure and story in here is invented; addresses end in .example."""
