package dev.tidings

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * Follows something for each collector anew. [next] is given the number of what was received last, so that a collector that
 * is cancelled between two values loses none.
 */
internal fun <R : AutoCloseable, T : Any, V> follow(
    open: () -> R,
    next: suspend R.(ULong) -> T?,
    number: (T) -> ULong,
    values: (T) -> Iterable<V>,
): Flow<V> = flow {
    open().use { raw ->
        var received = 0uL
        while (true) {
            val told = raw.next(received) ?: break
            received = number(told)
            values(told).forEach { emit(it) }
        }
    }
}

/**
 * Follows something once, for all collectors together: each value goes to one of them, and what a collector that was
 * cancelled had not received goes to the next.
 */
internal class Shared<T : Any, V>(
    private val next: suspend (ULong) -> T?,
    private val number: (T) -> ULong,
    private val value: (T) -> V,
) {
    private val turn = Mutex()
    private var received = 0uL

    /** Not of the builder `flow`: before it hands a value over, that one ends a collector that was cancelled meanwhile. */
    val flow: Flow<V> = object : Flow<V> {
        override suspend fun collect(collector: FlowCollector<V>) {
            while (true) {
                val told = turn.withLock {
                    // After `next` there is no point at which the collector can be cancelled before it has the value.
                    next(received)?.also { received = number(it) }
                } ?: break
                collector.emit(value(told))
            }
        }
    }
}
