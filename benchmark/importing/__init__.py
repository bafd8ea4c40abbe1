"""Imports the authors' material: a copycat_framework configuration becomes problems, pools, recipes and suites."""
