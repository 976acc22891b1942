"""What outcomes say of arms: estimates with their uncertainty, tests, intervals that hold while they are watched.

Everything is deterministic: closed forms or quadrature, no draws. Inputs are sums over units (`Sums`), never over
impressions: a unit is what was assigned, and its own events are not independent of each other (Deng, Knoblich, Lu,
"Applying the delta method in metric analytics", KDD 2018).
"""
