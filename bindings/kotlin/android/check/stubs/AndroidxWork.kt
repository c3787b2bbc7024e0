// Signatures of androidx.work 2.11 that the sources use; see AndroidxCore.kt.
@file:Suppress("UNUSED_PARAMETER", "unused")

package androidx.work

import android.content.Context
import java.util.concurrent.TimeUnit

public class WorkerParameters private constructor()

public abstract class ListenableWorker(context: Context, parameters: WorkerParameters) {
    public val applicationContext: Context get() = error("a stub")

    public abstract class Result {
        public companion object {
            @JvmStatic
            public fun success(): Result = error("a stub")

            @JvmStatic
            public fun retry(): Result = error("a stub")

            @JvmStatic
            public fun failure(): Result = error("a stub")
        }
    }
}

public abstract class CoroutineWorker(context: Context, parameters: WorkerParameters) : ListenableWorker(context, parameters) {
    public abstract suspend fun doWork(): Result
}

public enum class NetworkType { CONNECTED }

public enum class BackoffPolicy { EXPONENTIAL }

public enum class ExistingWorkPolicy { KEEP }

public enum class ExistingPeriodicWorkPolicy { UPDATE }

public class Constraints private constructor() {
    public class Builder {
        public fun setRequiredNetworkType(type: NetworkType): Builder = error("a stub")

        public fun build(): Constraints = error("a stub")
    }
}

public abstract class WorkRequest {
    public abstract class Builder<B : Builder<B, *>, out W : WorkRequest> {
        public fun setConstraints(constraints: Constraints): B = error("a stub")

        public fun setBackoffCriteria(policy: BackoffPolicy, delay: Long, unit: TimeUnit): B = error("a stub")

        public fun build(): W = error("a stub")
    }
}

public class OneTimeWorkRequest private constructor() : WorkRequest() {
    public class Builder(worker: Class<out ListenableWorker>) : WorkRequest.Builder<Builder, OneTimeWorkRequest>()
}

public class PeriodicWorkRequest private constructor() : WorkRequest() {
    public class Builder(worker: Class<out ListenableWorker>, interval: Long, unit: TimeUnit) :
        WorkRequest.Builder<Builder, PeriodicWorkRequest>()
}

public inline fun <reified W : ListenableWorker> OneTimeWorkRequestBuilder(): OneTimeWorkRequest.Builder =
    OneTimeWorkRequest.Builder(W::class.java)

public inline fun <reified W : ListenableWorker> PeriodicWorkRequestBuilder(
    interval: Long,
    unit: TimeUnit,
): PeriodicWorkRequest.Builder = PeriodicWorkRequest.Builder(W::class.java, interval, unit)

public interface Operation

public abstract class WorkManager {
    public fun enqueueUniqueWork(name: String, policy: ExistingWorkPolicy, request: OneTimeWorkRequest): Operation = error("a stub")

    public abstract fun enqueueUniquePeriodicWork(
        name: String,
        policy: ExistingPeriodicWorkPolicy,
        request: PeriodicWorkRequest,
    ): Operation

    public companion object {
        @JvmStatic
        public fun getInstance(context: Context): WorkManager = error("a stub")
    }
}
