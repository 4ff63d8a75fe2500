"""The panel Links: the links of the tables by doubt, one key each.

`model` knows which links are gone through and which are settled, and says it in words, without Qt;
`reading` reads the cells ahead; `picture` draws them, where `layout` says; `looking` is the page
with the answers; `answers` says what each decides; `panel` joins them.
"""
