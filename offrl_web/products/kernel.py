"""`C = A·B` of float32 in WebAssembly.

Both factors are copied into the order in which they are read, so that strides cost nothing in the innermost loop: `A`
in strips of 4 rows, and of `B` one panel of 8 columns after the other. A tile of 4 × 8 sums is held in eight vectors
(Goto and van de Geijn, 2008). Strips and panels that are cut short repeat what is at the edge; only what there is of
them is stored.
"""

from __future__ import annotations

from offrl_web.products.assembler import (
    V128,
    ZEROS,
    Function,
    add,
    const,
    equal,
    less,
    load,
    load4,
    module,
    mul,
    multiply_add,
    smaller,
    splat,
    store,
    store4,
    sub,
    when,
)

ROWS, COLUMNS = 4, 8
_FLOAT, _VECTOR = 4, 16
_TILE = ROWS * COLUMNS * _FLOAT

DATA, SHAPE, STRIDES = 8, 16, 20
"""Where a numpy array's own record (`PyArrayObject_fields`, part of numpy's ABI) holds these addresses, of 32 bits."""


def scratch_bytes(m: int, k: int) -> int:
    """How much room a product needs: for a tile, for all strips of `A` and for one panel of `B`."""
    strips = -(-m // ROWS)
    return _TILE + (strips * ROWS + COLUMNS) * k * _FLOAT


def kernel() -> bytes:
    """The module: it exports `multiply(a, b, c, scratch)`.

    Of the float32 arrays `a (1 or M, m, k)`, `b (1 or M, k, n)` and `c (M, m, n)` it is given where their records lie:
    reading these is quicker than asking numpy. The columns of `c` lie side by side. At `scratch`, `scratch_bytes(m, k)`
    are free.
    """
    f = Function(("a_record", "b_record", "c_record", "scratch"))
    g = f.get
    known = []
    for name in "abc":
        parts = ("", "_members", "_rows", "_columns", "_member", "_row", "_column")
        places = (DATA, *(SHAPE,) * 3, *(STRIDES,) * 3)
        for number, (part, place) in enumerate(zip(parts, places, strict=True)):
            found = load(g(f"{name}_record"), place)
            if number:
                found = load(found, (number - 1) % 3 * _FLOAT)
            known.append(f.set(f.local(name + part), found))
        # One matrix for all members stays where it is.
        known.append(f.set(f"{name}_member", mul(g(f"{name}_member"), less(const(1), g(f"{name}_members")))))
    for name, source in {"members": "c_members", "m": "c_rows", "n": "c_columns", "k": "a_columns"}.items():
        known.append(f.set(f.local(name), g(source)))
    for name in ("x", "i", "j", "p", "q", "r", "at", "to", "from", "panel", "wide", "high", "here"):
        f.local(name)
    sources = [f.local(f"row {r}") for r in range(ROWS)]
    sums = [[f.local(f"sum {r} {v}", V128) for v in range(COLUMNS // 4)] for r in range(ROWS)]
    right = [f.local(f"right {v}", V128) for v in range(COLUMNS // 4)]
    left = f.local("left", V128)

    strip = [
        *(
            f.set(source, add(g("a"), mul(smaller(add(g("i"), const(r)), sub(g("m"), const(1))), g("a_row"))))
            for r, source in enumerate(sources)
        ),
        f.count(
            "p",
            g("k"),
            1,
            [
                *(store(g("to"), load(g(source)), r * _FLOAT) for r, source in enumerate(sources)),
                *(f.grow(source, g("a_column")) for source in sources),
                f.grow("to", const(ROWS * _FLOAT)),
            ],
        ),
    ]

    side_by_side = [store4(g("to"), load4(g("from"), v * _VECTOR), v * _VECTOR) for v in range(COLUMNS // 4)]
    one_by_one = [
        f.set("at", g("from")),
        f.count(
            "q",
            g("wide"),
            1,
            [
                store(add(g("to"), mul(g("q"), const(_FLOAT))), load(g("at"))),
                f.grow("at", g("b_column")),
            ],
        ),
    ]
    panel = [
        f.set("to", g("panel")),
        f.set("from", add(g("b"), mul(g("here"), g("b_column")))),
        f.count(
            "p",
            g("k"),
            1,
            [
                when(
                    mul(equal(g("b_column"), const(_FLOAT)), equal(g("wide"), const(COLUMNS))),
                    side_by_side,
                    one_by_one,
                ),
                f.grow("from", g("b_row")),
                f.grow("to", const(COLUMNS * _FLOAT)),
            ],
        ),
    ]

    inner = [
        *(f.set(name, load4(g("to"), v * _VECTOR)) for v, name in enumerate(right)),
        *(
            step
            for r in range(ROWS)
            for step in (
                f.set(left, splat(g("from"), r * _FLOAT)),
                *(f.set(s, multiply_add(g(left), g(b), g(s))) for s, b in zip(sums[r], right, strict=True)),
            )
        ),
        f.grow("from", const(ROWS * _FLOAT)),
        f.grow("to", const(COLUMNS * _FLOAT)),
    ]
    whole = [
        step
        for r in range(ROWS)
        for step in (
            *(store4(g("at"), g(s), v * _VECTOR) for v, s in enumerate(sums[r])),
            f.grow("at", g("c_row")),
        )
    ]
    cut = [
        *(
            store4(g("scratch"), g(s), r * COLUMNS * _FLOAT + v * _VECTOR)
            for r in range(ROWS)
            for v, s in enumerate(sums[r])
        ),
        f.set("to", g("scratch")),
        f.count(
            "r",
            g("high"),
            1,
            [
                f.count(
                    "q",
                    g("wide"),
                    1,
                    [store(add(g("at"), mul(g("q"), const(_FLOAT))), load(add(g("to"), mul(g("q"), const(_FLOAT)))))],
                ),
                f.grow("at", g("c_row")),
                f.grow("to", const(COLUMNS * _FLOAT)),
            ],
        ),
    ]
    tile = [
        *(f.set(s, ZEROS) for row in sums for s in row),
        f.set("to", g("panel")),
        f.count("p", g("k"), 1, inner),
        f.set("high", sub(g("m"), g("i"))),
        f.set("at", add(g("c"), mul(g("i"), g("c_row")), mul(g("here"), const(_FLOAT)))),
        when(
            mul(less(const(ROWS - 1), g("high")), equal(g("wide"), const(COLUMNS))),
            whole,
            [f.set("high", smaller(g("high"), const(ROWS))), *cut],
        ),
    ]

    product = [
        f.set("to", add(g("scratch"), const(_TILE))),
        f.count("i", g("m"), ROWS, strip),
        f.set("panel", g("to")),
        f.set("wide", smaller(g("n"), const(COLUMNS))),
        f.count(
            "j",
            g("n"),
            COLUMNS,
            [
                f.set("here", smaller(g("j"), sub(g("n"), g("wide")))),  # the last panel may overlap the one before
                *panel,
                f.set("from", add(g("scratch"), const(_TILE))),
                f.count("i", g("m"), ROWS, tile),
            ],
        ),
        *(f.grow(name, g(f"{name}_member")) for name in ("a", "b", "c")),
    ]
    return module(f, [*known, f.count("x", g("members"), 1, product)], "multiply")
