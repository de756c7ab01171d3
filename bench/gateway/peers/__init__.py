"""Gateways that one run compares: ours, and Debian's openNDS."""
