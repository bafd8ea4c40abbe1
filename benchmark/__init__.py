"""The referee: problems, pools, suites, cells, records and leaderboards."""
