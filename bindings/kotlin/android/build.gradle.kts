// The Android library. Untried: no Gradle and no Android SDK were at hand where this was written; `scripts/bindings android`
// compiles the same sources. It, or `scripts/bindings kotlin`, makes the generated layer first, and `build-native` the library.
plugins {
    id("com.android.library") version "8.13.0"
    kotlin("android") version "2.4.20"
    `maven-publish`
}

group = "dev.tidings"
version = "0.1.0"

android {
    namespace = "dev.tidings.android"
    compileSdk = 36
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("proguard-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets["main"].kotlin.srcDirs("src/main/kotlin", "../src/main/kotlin", "../../../target/kotlin/generated")
    packaging.jniLibs.useLegacyPackaging = false
    publishing { singleVariant("release") { withSourcesJar() } }
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
    implementation("net.java.dev.jna:jna:5.18.1@aar")
    implementation("androidx.core:core-ktx:1.17.0")
    implementation("androidx.work:work-runtime-ktx:2.11.0")
    // An app that has neither of them leaves it out, and its receiver out of the manifest.
    compileOnly("com.google.firebase:firebase-messaging:25.0.1")
    compileOnly("org.unifiedpush.android:connector:3.1.2")
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "tidings-client-android"
            afterEvaluate { from(components["release"]) }
        }
    }
}
