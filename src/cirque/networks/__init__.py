"""Networks on features of a frozen backbone: φ, which maps images to pseudo tokens, and the Combiner."""
