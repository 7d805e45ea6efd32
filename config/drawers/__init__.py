"""The shipped drawer models, one TOML file each."""
