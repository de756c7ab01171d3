"""What metrics cost: encoding, writing, storing, asking, and whether anything is lost."""
