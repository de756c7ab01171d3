"""The program that runs at the site: opens the door for a signed ticket, and the kernel shuts it."""
