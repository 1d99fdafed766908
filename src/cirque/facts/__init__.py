"""Facts: what tables state without any ranking, one module each, found by name.

A fact has `state(*, …) -> rows of schemas.FACTS`. Its parameters are the files that it reads (`cirque.plan.inputs`) and
keys of its entry in the configuration's section `facts`. One that has a parameter `backbone` is stated of each backbone
of a table.
"""
