"""Quality control with no screen: what a person sees, decides, records and exports."""
