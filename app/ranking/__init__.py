"""
Ranking: facts → evidence → probabilities → harm of not knowing → rank key, with reasons. Pure.

Nothing here does I/O but ``policy``, which reads its own data file once. Nothing here can hold a court date or a
person: see ``facts``.
"""
