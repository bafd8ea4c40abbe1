"""Suites: experiments as TOML files beside this one, read by `suite`, multiplied out by `plan`."""
