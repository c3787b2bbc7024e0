// A small inbox on the terminal: connects with a code, prints what there is, then what comes.
//
// `tidings connect alice` prints a code; then `scripts/bindings example kotlin http://127.0.0.1:7420 CODE`.
import dev.tidings.Access
import dev.tidings.Presentation
import dev.tidings.TidingsClient
import dev.tidings.TidingsOptions
import kotlinx.coroutines.runBlocking
import java.nio.file.Path
import kotlin.io.path.div

fun main(arguments: Array<String>): Unit = runBlocking {
    require(arguments.size == 2) { "give the relay's address and a connect code" }
    val (relay, code) = arguments
    // An app takes its own folder, and gives a secret store.
    val folder = Path.of(System.getProperty("java.io.tmpdir")) / "tidings-inbox-example"
    TidingsClient.open(relay, folder, Access.Code(code), TidingsOptions(platform = "terminal")).use { client ->
        val page = client.page(limit = 10)
        println("${page.unread} unread")
        page.items.forEach { println("  ${it.createdAt}  ${it.title}") }
        client.presentations.collect { presentation ->
            when (presentation) {
                is Presentation.Show -> {
                    println("${presentation.item.category}: ${presentation.item.title} (${presentation.item.because.text})")
                    client.shown(presentation.item.id)
                }
                is Presentation.Update -> {
                    println("${presentation.item.title} (in the place of ${presentation.replaces})")
                    client.shown(presentation.item.id)
                }
                is Presentation.Withdraw -> println("${presentation.id} is settled")
                is Presentation.Summary -> println("${presentation.count} came while you were away")
            }
        }
    }
}
