package dev.tidings

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import java.nio.file.Path

/** A process of its own on a device's file; it shows what comes and says so. */
internal class Child(private val process: Process) {
    private val lines = process.inputReader()

    suspend fun line(): String = lineOrNull() ?: error("it ended")

    /** None when it has ended. */
    suspend fun lineOrNull(): String? = withTimeout(PATIENCE) { withContext(Dispatchers.IO) { lines.readLine() } }

    suspend fun ended(): Int = withContext(Dispatchers.IO) { process.waitFor() }

    fun kill() {
        process.destroyForcibly().waitFor()
    }

    /** Kills it; what it had said and nobody read. Ending it by its handle leaves its lines to be read. */
    suspend fun killed(): List<String> {
        process.toHandle().destroyForcibly()
        return withContext(Dispatchers.IO) { lines.readLines() }
    }

    companion object {
        /** Starts [mainClass] of the tests with arguments; words before `java`, if any, set its surroundings up. */
        suspend fun start(mainClass: String, vararg arguments: String, before: List<String> = emptyList()): Child {
            val java = listOf(System.getProperty("java.home") + "/bin/java", "-cp", System.getProperty("java.class.path"))
            val command = before + java + mainClass + arguments
            return Child(ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start())
        }
    }
}

/** What such a process does: `java dev.tidings.Showing URL FOLDER ACCOUNT`. */
internal object Showing {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, folder, account) = arguments
        TidingsClient.open(url, Path.of(folder), options = TidingsOptions(account = account)).use { client ->
            println("open")
            client.presentations.collect { presentation ->
                if (presentation is Presentation.Show) {
                    client.shown(presentation.item.id)
                    println("shown ${presentation.item.id}")
                } else {
                    println(presentation)
                }
            }
        }
    }
}
