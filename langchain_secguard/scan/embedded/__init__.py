"""Scanners that come with the package: rules, no model, no network."""
