"""What products are computed in: the names that configurations and stages share; torch's side of it is in `devices`.

The configuration's section `precision` says it of each kind of stage; the stage's parameter says which names it takes.
"""

from typing import Literal

#: TF32 rounds the factors to 10 bits of fraction on a GPU and is fp32 elsewhere. Weights that are trained, their
#: gradients, sums along the depth and losses are fp32 in any case.
Precision = Literal["fp32", "tf32", "bf16"]

#: Where the whole model is frozen. fp16 has 5 bits of exponent: gradients would need a loss that is scaled for them.
FrozenPrecision = Literal["fp32", "tf32", "bf16", "fp16"]

#: Where all weights are trained, or a model is searched with.
WeightPrecision = Literal["fp32", "tf32"]
