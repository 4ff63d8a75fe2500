"""Checks of what config and tables come to together; run anew after each change of settings.

A tour: `anchors` is what is left to train on, `interval` whether an interval can be right, which
`pace` is the witness of, `channel_names` whether slots have one name, and `scale` whether patches
show fields of one size.
"""
