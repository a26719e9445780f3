/* Examples of optional parameters are not filled in: nobody chose these filters and keys. */
const emptyUntilChosen = () => ({
  statePlugins: { spec: { wrapSelectors: {
    parameterWithMetaByIdentity: (original) => (state, ...which) => {
      const parameter = original(...which);
      return parameter.get("required") ? parameter : parameter.delete("example");
    },
  } } },
});

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [emptyUntilChosen],
});
