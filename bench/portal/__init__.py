"""What the portal costs a telephone and a server, ours and our peers'."""
