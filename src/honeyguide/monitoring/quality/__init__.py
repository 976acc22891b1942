"""How good the lists are: counted from the log and the served lists, hour by hour, in sums that merge by addition."""
