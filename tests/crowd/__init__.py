"""Real gateways of others, and the people who use them, against our portal."""
