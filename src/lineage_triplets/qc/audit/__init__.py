"""How many of the pairs that training will draw are wrong: a blind sample, judged, and its bound.

`bound` is the statistics, without any data; `sample` draws pairs from the law of training;
`answers` says what was judged of them, and `state` puts all that together for an experiment.
"""
