import react from "@vitejs/plugin-react";
import { defineConfig, type UserConfig } from "vite";

/** One page, everything bundled: at run time the browser asks nobody but the server that delivers it. */
const config: UserConfig = defineConfig({
  plugins: [react()],
  build: { modulePreload: { polyfill: false }, assetsInlineLimit: 0, target: "es2022", reportCompressedSize: false },
});

export default config;
