"""The networks' matrix products in WebAssembly's SIMD instructions: Pyodide's numpy has no BLAS."""
