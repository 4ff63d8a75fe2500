"""The review, without a screen: what a person sees, what is found, decided, and exported.

In the order in which a review goes::

    with Review.open("plates.yml", by="ada") as review:       # record, open
        review.choose(tau_range_hours=(0.5, 2))               # look
        review.pairs("early_A/1/0_1", across_divisions=True)
        for found in review.check(pixels=True):               # find
            print(found.finding.sentence, found.status)
        review.reject(review.target("lineage", "early_A/1/0_1"), "drifts")  # decide
        review.approve("early")
        review.saw("early", 12)
        review.plan_audit("early", 59)                        # audit
        review.judge("early", 1, "same")
        for point in gate_points(review):                     # gate
            print(point.passed, point.sentence)
        export_review(review, "out", draft=True)              # export

Names are imported when they are first used, from where the stub beside this file says.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
