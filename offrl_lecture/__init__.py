"""The lecture's exact computations: closed forms and recursions that its scenes draw beside what is learned."""
