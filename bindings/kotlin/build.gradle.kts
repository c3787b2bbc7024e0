// The JVM package for who builds with Gradle; the same coordinates as pom.xml, with Gradle's module metadata. Untried: no
// Gradle was at hand where this was written. `scripts/bindings kotlin` makes what it is built from first.
plugins {
    kotlin("jvm") version "2.4.20"
    `java-library`
    `maven-publish`
}

group = "dev.tidings"
version = "0.1.0"

val out = file("../../target/kotlin")

kotlin {
    jvmToolchain(17)
    sourceSets["main"].kotlin.srcDirs("src/main/kotlin", out.resolve("generated"))
}

sourceSets["main"].resources.srcDir(out.resolve("native"))

java { withSourcesJar() }

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.11.0")
    implementation("net.java.dev.jna:jna:5.18.1")
}

publishing {
    publications {
        register<MavenPublication>("jvm") {
            artifactId = "tidings-client"
            from(components["java"])
        }
    }
}
