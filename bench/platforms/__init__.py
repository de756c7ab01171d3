"""What platforms cost: CPU per device, lines of YAML, hooks."""
