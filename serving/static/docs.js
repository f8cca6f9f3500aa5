"use strict";
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: place.dataset.spec,
  domNode: place,
  deepLinking: true,
  validatorUrl: null, // asks no server on the internet
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
