"""How a key leaves every device, or another takes its place: overlapping, by evidence, over days."""
