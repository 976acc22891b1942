"""How the system says how it is: metric names, and later quality, alerts and SLO rules."""
