"""
Assayline: the queue of seized samples, and what is learnt from them.
"""
