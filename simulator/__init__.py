"""Virtual access points and citizens that speak the real protocols; a process of its own."""
