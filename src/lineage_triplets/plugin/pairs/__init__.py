"""The panel Pairs: what tau comes to, which pairs are drawn, how they look, and what is wrong.

`panel` joins `tau_settings`, `tau_view` (how often each tau is drawn), the `bars`, the `gallery` of
`tiles` (over `model`), and in `strip_box` the `strip` of one pair (over `strip_model`). `judging`
takes the answers that the `judge_bar` and keys give, and goes on.
"""
