"""The words of the world: nouns of the objects, names of colours, counts and backgrounds, and names of things.

Every noun here is also a name of the concept vocabulary (`cirque.mini.concepts`).
"""

#: Nouns of each shape, the plain one first; each with its plural.
NOUNS: dict[str, tuple[tuple[str, str], ...]] = {
    "star": (("star", "stars"), ("starfish", "starfish")),
    "heart": (("heart", "hearts"), ("valentine", "valentines")),
    "circle": (("circle", "circles"), ("disc", "discs"), ("ball", "balls")),
    "square": (("square", "squares"), ("box", "boxes"), ("tile", "tiles")),
    "triangle": (("triangle", "triangles"), ("pyramid", "pyramids")),
    "diamond": (("diamond", "diamonds"), ("rhombus", "rhombuses")),
    "cross": (("cross", "crosses"), ("plus sign", "plus signs")),
    "moon": (("moon", "moons"), ("crescent", "crescents")),
    "ring": (("ring", "rings"), ("hoop", "hoops"), ("donut", "donuts")),
    "arrow": (("arrow", "arrows"), ("pointer", "pointers")),
    "fish": (("fish", "fish"), ("goldfish", "goldfish")),
    "tree": (("tree", "trees"), ("fir", "firs"), ("pine", "pines")),
}

#: Things that the world has names for, by their colour. What else they look like: `cirque.mini.things`.
THINGS: dict[str, tuple[str, ...]] = {
    "red": ("tomato", "cherry", "ruby", "brick", "lobster", "poppy", "radish"),
    "orange": ("carrot", "pumpkin", "tiger", "fox", "mango", "apricot", "basketball"),
    "yellow": ("lemon", "banana", "canary", "corn", "duckling", "taxi", "sunflower"),
    "green": ("leaf", "cucumber", "frog", "cactus", "pea", "lime", "turtle"),
    "blue": ("sky", "ocean", "whale", "sapphire", "blueberry", "peacock", "jeans"),
    "purple": ("plum", "grape", "lavender", "eggplant", "violet", "orchid", "amethyst"),
    "pink": ("flamingo", "rose", "piglet", "salmon", "peony", "bubblegum", "tulip"),
    "brown": ("chocolate", "wood", "bear", "coffee", "walnut", "saddle", "acorn"),
}

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}

#: A background as an adjective of "background", and as a noun that objects lie on, in front of or over.
BACKDROPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "plain": ("plain", ("paper", "snow")),
    "dark": ("dark", ("night", "shadow")),
    "striped": ("striped", ("stripes", "fence")),
    "dotted": ("dotted", ("dots", "polka dots")),
    "checkered": ("checkered", ("checks", "chessboard")),
    "wavy": ("wavy", ("waves", "water")),
}

#: Names of the vocabulary that stand for backgrounds.
PLACES = ("Paper", "Snow", "Night", "Shadow", "Stripe", "Fence", "Dot", "Polka dot", "Chessboard", "Wave", "Water")
