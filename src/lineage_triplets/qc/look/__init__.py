"""What people look at: one lineage or all, pairs, strips, tau.

`view` resolves what somebody asked for into what is shown; `pairs`, `strip` and `tables` are its
parts, `shown_pixels` reads them as grey pictures, `pictures` draws contact sheets.
"""
