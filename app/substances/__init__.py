"""
Substances: what a name said by somebody means, with its class and, where sourced, its potency.
"""
