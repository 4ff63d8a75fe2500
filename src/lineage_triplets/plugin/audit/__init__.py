"""The panel Audit: how many of the pairs that training will draw are wrong, judged blind.

`model` says in words how far each experiment is, and which pair is next, without Qt; `overview`
lists the experiments and plans a sample; `judging` shows one pair after the other and takes the
answers, `pair_view` and `frames_view` draw its pictures; `panel` joins them and reads ahead.
"""
