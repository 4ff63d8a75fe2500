"""What panels share.

`session` is the open review with the signals by which panels and viewer hear of it, `work` runs
jobs in threads, `refresh` reads something anew when the review changed, `weighing` weighs its
links, `spot` says where a person is. The rest are parts to build from: `keys`, `views`, `reason`,
`patch_image`.
"""
