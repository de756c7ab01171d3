"""What the gateway at a site costs, ours and openNDS's."""
