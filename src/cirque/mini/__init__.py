"""The generated world: scenes of coloured shapes, their captions, and CIRR made of them in the official layout."""
