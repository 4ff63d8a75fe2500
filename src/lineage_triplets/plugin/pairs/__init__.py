"""The panel Pairs: what tau comes to, which pairs are drawn, and how they look.

`panel` joins `tau_settings`, `tau_view` (how often each tau is drawn), the `bars`, the `gallery`
(over `model`), and the `strip` of the pair that was chosen.
"""
