"""The report of a review: one HTML page with everything in it.

A tour: `fill` takes what a review knows (`placed`, of where tables are), `content` is what a report
says, `plots` draws its bars, and `page` renders the templates.
"""
