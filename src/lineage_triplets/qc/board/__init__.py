"""All FOVs of all experiments at a glance, and how far their review is.

See `fovs` for what is known of each, `progress` for pace and what matters most next.
"""
