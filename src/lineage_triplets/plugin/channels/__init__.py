"""The panel Channels: what is in each slot."""
