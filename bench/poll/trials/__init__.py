"""What a poller must bear: the dead, too little CPU, a million polls, ten thousand access points."""
