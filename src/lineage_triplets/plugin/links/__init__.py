"""The panel Links: the links of the tables by doubt, one key each; or where another's differ.

A tour: `entries` says what is gone through, `answers` what each answer decides, `answered` what was
said, `words` words it; `model` lists links by doubt, `differing` those on which another table
differs, without Qt. `choosing` finds them beside the window; `reading` reads their cells ahead,
`picture` draws them, where `layout` says; `looking` is the page with the answers, `over_page` that
without a link; `panel` joins all.
"""
